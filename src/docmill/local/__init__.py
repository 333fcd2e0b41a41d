"""The whole product on one machine by one command: real servers, worker, beat and API as one process tree."""
