import { defineConfig, type Plugin } from 'vite'

/** The policy the built page carries, so that even a plain static server enforces "own origin only". */
const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data:",
  "worker-src 'self'",
  "connect-src 'self'",
].join('; ')

// Only in the build: the development server inserts style elements, which this policy forbids.
function contentSecurityPolicy(): Plugin {
  return {
    name: 'content-security-policy',
    apply: 'build',
    transformIndexHtml: () => [
      { tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY }, injectTo: 'head-prepend' },
    ],
  }
}

export default defineConfig({
  // Relative addresses, so that the built folder works from any path.
  base: './',
  plugins: [contentSecurityPolicy()],
  build: {
    target: 'es2022',
    // A file turned into a data: address would need a wider policy, and would hide its size.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: 'es' },
  // `nearside` is a link to the folder beside this one; installed from a registry it needs no such line.
  server: { fs: { allow: ['..'] } },
})
