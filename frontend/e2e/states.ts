import type { Page } from '@playwright/test';
import { PROJECT, settled, type ShownPage } from './pages';

/** What pages look like in the middle of something, for the screenshots. */
export const STATES: readonly ShownPage[] = [
  { name: 'state-selection', signedIn: true, open: async (page) => {
    await page.goto(`/p/${PROJECT}/incidents`);
    await settled(page);
    await page.getByRole('checkbox', { name: 'Select INC-159' }).check();
    await page.getByRole('checkbox', { name: 'Select INC-158' }).check();
  } },
  { name: 'state-refused', signedIn: true, open: async (page) => {
    await page.getByRole('toolbar').getByRole('button', { name: 'Acknowledge' }).click();
    await page.getByText('0 of 2 acknowledged').waitFor();
  } },
  { name: 'state-palette', signedIn: true, open: async (page) => {
    await page.goto(`/p/${PROJECT}`);
    await settled(page);
    await page.keyboard.press('Control+k');
    await page.getByPlaceholder('Search incidents, jump, act…').fill('re');
    await page.getByRole('button', { name: /Checkout answers/ }).waitFor();
  } },
  { name: 'state-shortcuts', signedIn: true, open: async (page) => {
    await page.goto(`/p/${PROJECT}`);
    await settled(page);
    await page.keyboard.press('Shift+?');
    await page.getByRole('dialog').waitFor();
  } },
  { name: 'state-new-key', signedIn: true, open: async (page) => {
    await page.goto(`/p/${PROJECT}/settings/api-keys`);
    await settled(page);
    await page.getByRole('button', { name: 'Create key' }).click();
    await page.getByRole('dialog').waitFor();
  } },
  { name: 'state-missing', signedIn: true, open: async (page) => {
    await page.goto(`/p/${PROJECT}/incidents/01981f00-0000-7000-8000-ffffffffffff`);
    await page.getByRole('alert').waitFor();
  } },
  { name: 'state-resolved', signedIn: true, open: async (page) => {
    await page.goto(`/p/${PROJECT}/incidents?status=all&q=invoices`);
    await page.getByRole('link', { name: /missing invoices/ }).click();
    await settled(page);
  } },
  { name: 'state-custom-range', signedIn: true, open: async (page) => {
    await page.goto(`/p/${PROJECT}`);
    await settled(page);
    await page.getByRole('button', { name: /Time range/ }).click();
    await page.getByRole('menuitem', { name: 'Custom range…' }).click();
    await page.getByRole('dialog').getByText('Apply').waitFor();
  } },
  { name: 'state-newcomer', signedIn: false, open: register },
  { name: 'state-no-metrics', signedIn: true, open: async (page) => {
    await page.goto(`/p/${PROJECT}/metrics`);
    await page.getByText('Waiting for the first sample…').waitFor();
  } },
];

async function register(page: Page): Promise<void> {
  await page.goto('/register');
  await page.getByLabel('Your name').fill('Noor Haddad');
  await page.getByLabel('E-mail').fill('noor@example.com');
  await page.getByLabel('Organisation').fill('Fjord');
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByText('Waiting for the first alert…').waitFor();
  await page.getByRole('button', { name: 'Create key' }).click();
  await page.getByTestId('api-key').waitFor();
}
