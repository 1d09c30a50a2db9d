"""The planner: what this installation can do, what a graph will cost, and which graph a sentence asks for."""
