"""Routes: clients made of other clients, which decide who is asked."""
