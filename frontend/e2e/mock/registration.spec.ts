import { expect, test } from '@playwright/test';
import { firing } from '../alertmanager';
import { watch } from './watch';

test('a newcomer registers, connects Alertmanager and sees the incident arrive', async ({ page, baseURL }) => {
  const watched = await watch(page, baseURL ?? '');
  await page.goto('/register');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByText('Enter an e-mail address')).toBeVisible();

  await page.getByLabel('Your name').fill('Noor Haddad');
  await page.getByLabel('E-mail').fill('noor@example.com');
  await page.getByLabel('Organisation').fill('Fjord');
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
  await page.getByRole('button', { name: 'Create account' }).click();

  await expect(page.getByRole('heading', { name: 'Getting started' })).toBeVisible();
  await expect(page.getByText('Waiting for the first alert…')).toBeVisible();
  await page.getByRole('button', { name: 'Create key' }).click();
  const key = await page.getByTestId('api-key').innerText();
  await expect(page.getByRole('region', { name: 'alertmanager.yml' })).toContainText(`credentials: ${key}`);
  await expect(page.getByRole('region', { name: 'alertmanager.yml' })).toContainText(`${baseURL}/api/v1/webhooks/alertmanager`);

  await page.evaluate(
    ([bearer, body]) =>
      fetch('/api/v1/webhooks/alertmanager', { method: 'POST', headers: { Authorization: `Bearer ${bearer}` }, body }),
    [key, JSON.stringify(firing('HighErrorRate', 'critical', 'Checkout is down'))] as const,
  );
  await expect(page.getByText('It works')).toBeVisible();
  await page.getByRole('link', { name: 'Open the incident' }).click();
  await expect(page.getByRole('heading', { name: 'Checkout is down' })).toBeVisible();
  await watched.assertClean();
});

test('a wrong password is told apart from a broken server, and a link survives the login', async ({ page }) => {
  await page.goto('/p/01981f00-0000-7000-8000-00000000000a/alerts?status=resolved');
  await expect(page.getByRole('heading', { name: 'Log in' })).toBeVisible();
  await page.getByLabel('E-mail').fill('mira@nordlicht.example');
  await page.getByLabel('Password', { exact: true }).fill('short');
  await page.getByRole('button', { name: 'Log in' }).click();
  await expect(page.getByRole('alert')).toContainText('E-mail or password is wrong');

  await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
  await page.getByRole('button', { name: 'Log in' }).click();
  await expect(page.getByRole('heading', { name: 'Alerts' })).toBeVisible();
  await expect(page).toHaveURL(/status=resolved/);

  await page.getByRole('button', { name: 'Your account' }).click();
  await page.getByRole('menuitem', { name: 'Log out' }).click();
  await expect(page.getByRole('heading', { name: 'Log in' })).toBeVisible();
});

test('an account that somebody else has made gets a password of its own before anything else', async ({ page, baseURL }) => {
  const watched = await watch(page, baseURL ?? '');
  await page.goto('/p/01981f00-0000-7000-8000-00000000000a/alerts?status=resolved');
  await page.getByLabel('E-mail').fill('mira@nordlicht.example');
  await page.getByLabel('Password', { exact: true }).fill('given by somebody else');
  await page.getByRole('button', { name: 'Log in' }).click();
  await expect(page.getByRole('heading', { name: 'Choose your password' })).toBeVisible();
  await expect(page.getByLabel('E-mail')).toHaveValue('mira@nordlicht.example');

  const password = page.getByLabel('New password', { exact: true });
  await expect(password).toBeFocused();
  await password.fill('short');
  await page.keyboard.press('Enter');
  await expect(page.getByText('At least 8 characters', { exact: true })).toBeVisible();
  await password.fill('given by somebody else');
  await page.keyboard.press('Enter');
  await expect(page.getByText('must be another one than before')).toBeVisible();
  await password.fill('a horse of my own');
  await page.getByRole('button', { name: 'Set password and log in' }).click();
  await expect(page.getByRole('heading', { name: 'Alerts' })).toBeVisible();
  await expect(page).toHaveURL(/status=resolved/);
  await watched.assertClean();

  await page.goto('/p/01981f00-0000-7000-8000-00000000000a/settings/members');
  await expect(page.getByRole('row', { name: /Noor Haddad/ })).toContainText('Has to replace the first password, which expires in ');
});
