"""The package's logger, which says what a long step is at where its level is INFO."""

import logging

LOG = logging.getLogger("bayes_scaling")
