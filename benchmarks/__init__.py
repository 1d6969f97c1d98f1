"""What `make bench` runs. Every goal is a ratio or a bound within one run: machines and their noise differ."""
