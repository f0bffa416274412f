"""The laws, as `bs.laws` has them."""

from .compression import (
    distillation as distillation,
    rounding as rounding,
)
from .context_and_shape import (
    context_length as context_length,
    shape_penalty as shape_penalty,
    token_position as token_position,
)
from .downstream import (
    accuracy_from_loss as accuracy_from_loss,
    error_from_loss as error_from_loss,
)
from .experts import (
    efficiency_leverage as efficiency_leverage,
    granularity as granularity,
    routed as routed,
)
from .formula import equation as equation
from .functions import (
    absolute as absolute,
    exp as exp,
    log as log,
    maximum as maximum,
    mean as mean,
    minimum as minimum,
    sigmoid as sigmoid,
    softplus as softplus,
    sqrt as sqrt,
    tanh as tanh,
)
from .interactions import (
    interaction as interaction,
    kaplan_floor as kaplan_floor,
)
from .kaplan import (
    kaplan_params as kaplan_params,
    kaplan_params_steps as kaplan_params_steps,
    kaplan_params_tokens as kaplan_params_tokens,
    kaplan_tokens as kaplan_tokens,
)
from .learning_curves import (
    bnsl1 as bnsl1,
    bnsl2 as bnsl2,
    m1 as m1,
    m2 as m2,
    m3 as m3,
    m4 as m4,
)
from .library import LAWS as LAWS
from .looped import (
    loop_worth as loop_worth,
    ouro as ouro,
)
from .rewards_and_streams import (
    parallel_streams as parallel_streams,
    reward_sigmoid as reward_sigmoid,
)
from .schedules import (
    annealing as annealing,
    multi_power as multi_power,
)
from .size_and_data import (
    chinchilla as chinchilla,
    data_constrained as data_constrained,
    farseer as farseer,
    overtraining as overtraining,
    power_law as power_law,
    power_law_floor as power_law_floor,
)
from .training_settings import (
    critical_batch as critical_batch,
    learning_rate_batch as learning_rate_batch,
    precision as precision,
    steps_to_loss as steps_to_loss,
)
from .vocabulary_and_sparsity import (
    sparsity as sparsity,
    vocabulary as vocabulary,
)
