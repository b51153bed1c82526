"""the HTML edge: one module per screen family."""
