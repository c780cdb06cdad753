"""Two experiments on localist language models, run again on any text: the locality sweep and progressive localisation."""
