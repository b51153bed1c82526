"""WALK: records on their way through flows, and the engine that moves them."""
