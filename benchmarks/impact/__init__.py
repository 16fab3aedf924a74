"""Does the estimated effect of a call hold the simulated one, with a hold-out and without?"""
