//! Provider twins with scripted behaviour
