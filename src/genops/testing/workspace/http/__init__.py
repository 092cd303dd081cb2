"""What every service stands on: requests and answers, the server, faults, pages, and who asks."""
