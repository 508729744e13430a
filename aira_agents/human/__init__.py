"""The human in the loop: signals from people or simulated teachers, credited to steps, and learners that listen."""
