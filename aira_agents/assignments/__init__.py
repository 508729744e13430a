"""A student's policy: started from a template, checked, run apart from the grader, graded and rated."""
