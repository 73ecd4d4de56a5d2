"""How a request is sent: connections, deadlines, and the state of an attempt."""
