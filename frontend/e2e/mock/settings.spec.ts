import { expect, test } from '@playwright/test';
import { logIn, PROJECT } from '../pages';

test.beforeEach(async ({ page }) => logIn(page));

test('a key is shown once and revoked by naming it', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/api-keys`);
  await page.getByRole('button', { name: 'Create key' }).click();
  await page.getByLabel('Name').fill('ci');
  await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click();
  await expect(page.getByTestId('api-key')).toContainText('srec_');
  await page.getByRole('button', { name: 'I have copied it' }).click();
  await expect(page.getByTestId('api-key')).toHaveCount(0);

  await page.getByRole('button', { name: 'Revoke ci' }).click();
  const revoke = page.getByRole('button', { name: 'Revoke key' });
  await expect(revoke).toBeDisabled();
  await page.getByLabel('Type “ci” to confirm').fill('ci');
  await revoke.click();
  await expect(page.getByRole('row', { name: /^ci / })).toContainText('revoked');
});

test('limits are set and shown with what is used', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/telemetry-limits`);
  const series = page.getByRole('row', { name: /^Active series/ });
  await expect(series).toContainText('948.2K');
  await expect(series).toContainText('95 %');
  await page.getByRole('button', { name: 'Set limits' }).click();
  await page.getByLabel(/^Active series/).fill('2000000');
  await page.getByRole('dialog').getByRole('button', { name: 'Set limits' }).click();
  await expect(series).toContainText('2M series a day');
  await expect(series).toContainText('47 %');
});

test('the last owner stays', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/members`);
  await page.getByRole('button', { name: 'Remove Mira Lindqvist' }).click();
  await page.getByLabel('Type “Mira Lindqvist” to confirm').fill('Mira Lindqvist');
  await page.getByRole('button', { name: 'Remove member' }).click();
  await expect(page.getByRole('alert')).toContainText('keeps at least one owner');
});

test('switching projects re-issues the session and shows only its incidents', async ({ page }) => {
  await page.getByRole('button', { name: /Project default/ }).click();
  await page.getByRole('menuitem', { name: 'staging' }).click();
  await expect(page.getByText('Nothing is on fire')).toBeVisible();
  await page.goBack();
  await expect(page.getByRole('link', { name: /Checkout answers 502/ }).first()).toBeVisible();
});

test('a link to a project of somebody else is refused without losing the session', async ({ page }) => {
  await page.goto('/p/01981f00-0000-7000-8000-ffffffffffff/incidents');
  await expect(page.getByRole('alert')).toContainText('There is no such project in your organisation');
  await page.getByRole('link', { name: 'Go to overview' }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
});

test('a shared range travels between pages and into the link', async ({ page }) => {
  await page.getByRole('button', { name: 'Time range: Last 30 days' }).click();
  await page.getByRole('menuitem', { name: 'Last 7 days' }).click();
  await expect(page).toHaveURL(/range=7d/);
  await page.getByRole('link', { name: 'Incidents', exact: true }).click();
  await expect(page).toHaveURL(/incidents\?range=7d/);
  await expect(page.getByRole('button', { name: 'Time range: Last 7 days' })).toBeVisible();
});
