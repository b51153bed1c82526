"""the JSON edge: one module per resource."""
