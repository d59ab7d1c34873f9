"""Runs the engine over files of past events: backtest, difference of two catalogs, trials, explanation."""
