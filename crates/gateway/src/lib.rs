//! The data plane: admit, plan, send, settle
