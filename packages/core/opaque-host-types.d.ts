// Types of the host that appear in interfaces which the engine knows (a transport's `dial` takes a
// signal). The engine can hand such a value on but not look into it; where there is a DOM, the real
// type takes its place.

interface AbortSignal {}
