import { expect, test } from '@playwright/test';
import { logIn, PROJECT } from '../pages';

test.beforeEach(async ({ page }) => {
  await logIn(page);
  await page.goto(`/p/${PROJECT}/settings/integrations`);
});

test('the list says who is down, since when and why', async ({ page }) => {
  const table = page.getByRole('table', { name: 'Monitoring integrations' });
  await expect(table.getByRole('row', { name: /Prometheus of the shop/ })).toContainText('up');
  const down = table.getByRole('row', { name: /Logs of Frankfurt/ });
  await expect(down).toContainText('down');
  await expect(down).toContainText('The credential is not accepted');
  await expect(down).toContainText('with headers');
  await expect(table.getByRole('row', { name: /Collector/ })).toContainText('not asked yet');
});

test('a server is added, tested step by step, and live in the list', async ({ page }) => {
  await page.getByRole('button', { name: 'Add integration' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name', { exact: true }).fill('Prometheus of Oslo');
  await dialog.getByLabel('Address').fill('http://ada:secret@prometheus.osl:9090');
  await dialog.getByRole('button', { name: 'Add integration' }).click();
  await expect(dialog).toContainText('must not hold a user name or password');
  await dialog.getByLabel('Address').fill('http://prometheus.osl:9090');
  await dialog.getByRole('combobox', { name: 'Credential' }).click();
  await page.getByRole('option', { name: 'User name and password' }).click();
  await expect(dialog).toContainText('whoever is in between can read the credential');
  await dialog.getByLabel('User name').fill('sre-copilot');
  await dialog.getByRole('textbox', { name: 'Password' }).fill('s3cret');
  await dialog.getByRole('button', { name: 'Add integration' }).click();

  const row = page.getByRole('row', { name: /Prometheus of Oslo/ });
  await expect(row).toContainText('with a password');
  await page.getByRole('button', { name: 'Test Prometheus of Oslo' }).click();
  const test_ = page.getByRole('dialog', { name: 'Test Prometheus of Oslo' });
  await expect(test_.getByRole('status')).toContainText('up');
  await expect(test_.getByRole('table', { name: 'Steps' })).toContainText('GET /-/ready: 200 OK');
  await test_.getByRole('button', { name: 'Close' }).last().click();
  await expect(row).toContainText('up');
});

test('a test that fails says at which step', async ({ page }) => {
  await page.getByRole('button', { name: 'Change Collector' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByLabel('Name', { exact: true })).toHaveCount(0);
  await dialog.getByLabel('Address').fill('http://collector.shop:9999');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'Test Collector' }).click();
  const steps = page.getByRole('dialog', { name: 'Test Collector' });
  await expect(steps.getByRole('status')).toContainText('No connection');
  await expect(steps.getByRole('row', { name: /failed Connect/ })).toContainText('Connection refused');
});

test('a credential is not sent elsewhere unless it is given again', async ({ page }) => {
  await page.getByRole('button', { name: 'Change Logs of Frankfurt' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Address').fill('https://loki.elsewhere.example');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog.getByRole('alert')).toContainText('give the credential again');
  await dialog.getByRole('combobox', { name: 'Credential' }).click();
  await page.getByRole('option', { name: 'Headers of my choice' }).click();
  await dialog.getByLabel('Headers').fill('X-Scope-OrgID: team-a');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('row', { name: /Logs of Frankfurt/ })).toContainText('loki.elsewhere.example');
});

test('a server is renamed, and not to the name of another', async ({ page }) => {
  await page.getByRole('button', { name: 'Rename Collector' }).click();
  const dialog = page.getByRole('dialog', { name: 'Rename Collector' });
  await expect(dialog.getByLabel('Name', { exact: true })).toHaveValue('Collector');
  await dialog.getByLabel('Name', { exact: true }).fill('prometheus of the shop');
  await dialog.getByRole('button', { name: 'Rename' }).click();
  await expect(dialog.getByRole('alert')).toContainText('an integration of this name already');
  await dialog.getByLabel('Name', { exact: true }).fill('Collector of Oslo');
  await dialog.getByRole('button', { name: 'Rename' }).click();
  await expect(page.getByRole('row', { name: /Collector of Oslo/ })).toContainText('not asked yet');
  await expect(page.getByRole('button', { name: 'Rename Collector', exact: true })).toHaveCount(0);
});

test('a server is removed by naming it', async ({ page }) => {
  await page.getByRole('button', { name: 'Remove Collector' }).click();
  await page.getByLabel('Type “Collector” to confirm').fill('Collector');
  await page.getByRole('dialog').getByRole('button', { name: 'Remove integration' }).click();
  await expect(page.getByRole('row', { name: /Collector/ })).toHaveCount(0);
});
