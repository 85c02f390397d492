"""Define what people get to see: log records, metrics, alerts, reports."""
