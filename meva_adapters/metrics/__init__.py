"""Send measurements somewhere, or nowhere."""
