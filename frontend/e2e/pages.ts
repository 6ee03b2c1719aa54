import type { Page } from '@playwright/test';

/** The seed's project and its newest interesting incident, as the mock numbers them. */
export const PROJECT = '01981f00-0000-7000-8000-00000000000a';

/** Logs in to the mock's seed through the login page. */
export async function logIn(page: Page): Promise<void> {
  await page.goto('/login');
  await page.getByLabel('E-mail').fill('mira@nordlicht.example');
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
}

export interface ShownPage {
  name: string;
  signedIn: boolean;
  open: (page: Page) => Promise<void>;
}

const at = (path: string, heading: string): ShownPage['open'] => async (page) => {
  await page.goto(path);
  await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
  await settled(page);
};

/** Every page of the console, for the tests that hold on all of them. */
export const PAGES: readonly ShownPage[] = [
  { name: 'login', signedIn: false, open: at('/login', 'Log in') },
  { name: 'register', signedIn: false, open: at('/register', 'Create an account') },
  { name: 'overview', signedIn: true, open: at(`/p/${PROJECT}`, 'Overview') },
  { name: 'incidents', signedIn: true, open: at(`/p/${PROJECT}/incidents`, 'Incidents') },
  { name: 'incidents-all', signedIn: true, open: at(`/p/${PROJECT}/incidents?status=all`, 'Incidents') },
  { name: 'incidents-none', signedIn: true, open: at(`/p/${PROJECT}/incidents?q=zzz`, 'Incidents') },
  { name: 'declare', signedIn: true, open: at(`/p/${PROJECT}/incidents/new`, 'Declare an incident') },
  { name: 'incident', signedIn: true, open: openCheckout },
  { name: 'alerts', signedIn: true, open: at(`/p/${PROJECT}/alerts`, 'Alerts') },
  { name: 'alert', signedIn: true, open: openAlert },
  { name: 'getting-started', signedIn: true, open: at(`/p/${PROJECT}/getting-started`, 'Getting started') },
  { name: 'api-keys', signedIn: true, open: at(`/p/${PROJECT}/settings/api-keys`, 'Settings') },
  { name: 'members', signedIn: true, open: at(`/p/${PROJECT}/settings/members`, 'Settings') },
  { name: 'projects', signedIn: true, open: at(`/p/${PROJECT}/settings/projects`, 'Settings') },
  { name: 'audit', signedIn: true, open: at(`/p/${PROJECT}/settings/audit`, 'Settings') },
  { name: 'not-found', signedIn: true, open: async (page) => {
    await page.goto(`/p/${PROJECT}/nowhere`);
    await page.getByText('There is no such page').waitFor();
  } },
];

/** No skeleton is left: what is on the screen is data. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
  await page.waitForLoadState('networkidle');
}

async function openCheckout(page: Page): Promise<void> {
  await page.goto(`/p/${PROJECT}/incidents`);
  await page.getByRole('link', { name: /Checkout answers 502/ }).click();
  await page.getByRole('heading', { name: /Checkout answers 502/ }).waitFor();
  await settled(page);
}

async function openAlert(page: Page): Promise<void> {
  await page.goto(`/p/${PROJECT}/alerts`);
  await page.getByRole('link', { name: /UpstreamTimeouts/ }).click();
  await page.getByRole('dialog').getByText('Fingerprint').waitFor();
}
