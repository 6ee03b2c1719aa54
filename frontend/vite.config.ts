import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** The gateway's policy, word for word (gateway/src/headers.rs): the preview sends it so that browser tests run under it. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** Serves MSW's service worker from the package, only where the mock API runs, so that a release build never holds it. */
function mockWorker(enabled: boolean): Plugin {
  const source = () =>
    readFileSync(createRequire(import.meta.url).resolve('msw/mockServiceWorker.js'), 'utf8');
  return {
    name: 'mock-worker',
    configureServer(server) {
      if (!enabled) return;
      server.middlewares.use('/mockServiceWorker.js', (_request, response) => {
        response.setHeader('Content-Type', 'text/javascript');
        response.end(source());
      });
    },
    generateBundle() {
      if (enabled) this.emitFile({ type: 'asset', fileName: 'mockServiceWorker.js', source: source() });
    },
  };
}

export default defineConfig(({ mode, command }) => {
  const api = process.env.VITE_API;
  const mock = mode === 'mock' || (command === 'serve' && mode === 'development' && !api);
  const proxied = api
    ? { target: api, changeOrigin: true, headers: { origin: api } }
    : undefined;
  return {
    plugins: [react(), mockWorker(mock)],
    define: { __MOCK_API__: JSON.stringify(mock) },
    server: {
      port: 3000,
      ...(proxied && {
        proxy: {
          '/api': { ...proxied, ws: true },
          '/prometheus': proxied,
          '/openapi.json': proxied,
          '/docs': proxied,
          '/ws': { ...proxied, ws: true },
        },
      }),
    },
    preview: { headers: { 'Content-Security-Policy': CONTENT_SECURITY_POLICY } },
    build: {
      outDir: mode === 'mock' ? 'dist-mock' : 'dist',
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 800,
    },
    test: {
      environment: 'jsdom',
      include: ['src/**/*.test.{ts,tsx}', 'mock-api/**/*.test.ts'],
      setupFiles: ['src/test-setup.ts'],
    },
  };
});
