"""Tools that look into a network: traces, gradient flow, gradient checks, pictures."""
