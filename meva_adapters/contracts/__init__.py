"""Prove an adapter by its port: pytest kits to subclass, one numbered case per promise."""
