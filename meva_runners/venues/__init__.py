"""Make the parts of each venue's adapter for whoever runs an agent; one module per venue, and one table of them."""
