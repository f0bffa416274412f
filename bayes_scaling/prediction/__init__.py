"""What a posterior says of the loss: curves, new runs, forecasts, contrasts."""
