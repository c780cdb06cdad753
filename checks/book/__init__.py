"""The proof book: pages made from the registry, the evidence and the Coq audit, and the build that puts them together."""
