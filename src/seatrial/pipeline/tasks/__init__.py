"""Steps as tasks of an orchestrator that orders them by itself, while no driver of Seatrial's own looks on."""
