"""What the tests stand on: the real binary, raw sockets, and upstreams that do as told."""
