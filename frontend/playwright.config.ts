import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';

const DEBIAN_CHROMIUM = '/usr/bin/chromium';
const chromium = process.env.CHROMIUM_PATH ?? (existsSync(DEBIAN_CHROMIUM) ? DEBIAN_CHROMIUM : undefined);
const asRoot = process.getuid?.() === 0;
const port = Number(process.env.E2E_PORT ?? 4280);
const mockUrl = `http://localhost:${port}`;
const needsMock = !process.argv.includes('--project=real');

export default defineConfig({
  testDir: 'e2e',
  fullyParallel: false,
  // The mock API lives in each page; the real server is one for all.
  workers: needsMock ? 2 : 1,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: [['list']],
  use: {
    baseURL: mockUrl,
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    launchOptions: {
      ...(chromium && { executablePath: chromium }),
      args: asRoot ? ['--no-sandbox'] : [],
    },
  },
  projects: [
    { name: 'mock', testMatch: 'mock/*.spec.ts' },
    { name: 'screenshots', testMatch: 'screenshots.spec.ts' },
    { name: 'real', testMatch: ['newcomer.spec.ts', 'administrator.spec.ts'], use: { baseURL: process.env.E2E_BASE_URL ?? '' } },
  ],
  ...(needsMock && {
    webServer: {
      command: `npx vite preview --mode mock --outDir dist-mock --port ${port} --strictPort`,
      url: mockUrl,
      reuseExistingServer: false,
    },
  }),
});
