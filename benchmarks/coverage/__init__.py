"""Do intervals hold what they promise, and is "if everyone answered" nearer the truth?"""
