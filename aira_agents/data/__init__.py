"""Training data and the series that worlds are driven by."""
