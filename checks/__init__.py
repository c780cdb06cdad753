"""Try to break what `theory` says: rows and trained layers, judged in ball arithmetic, with controls that must be refuted."""
