"""Makes the battery: real films spoiled on purpose, some of them by style transfer."""
