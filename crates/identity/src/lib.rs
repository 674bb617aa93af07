//! Who you are and what you may: sign-in, sessions, members, grants, API keys
