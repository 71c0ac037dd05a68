"""Events to accesses, accesses to joules: what a frame costs on a chosen target."""
