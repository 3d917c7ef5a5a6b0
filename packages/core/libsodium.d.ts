// The package has no types. Its default export makes a module of WebAssembly.
declare module 'libsodium' {
  const create: () => Promise<unknown>
  export default create
}
