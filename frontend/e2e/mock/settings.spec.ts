import { expect, test } from '@playwright/test';
import { logIn, PROJECT } from '../pages';
import { failFirst } from './failing';

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

test('a key that leaked is rotated without an overlap, and what that means is said', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/api-keys`);
  const rotate = page.getByRole('button', { name: /^Rotate / }).first();
  const name = ((await rotate.getAttribute('aria-label')) ?? '').replace('Rotate ', '');
  await rotate.click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('status')).toHaveCount(0);
  await dialog.getByRole('combobox', { name: 'The old key still works for' }).click();
  await page.getByRole('option', { name: 'not at all: it ends at once' }).click();
  await expect(dialog.getByRole('status')).toContainText('Whatever still has it is refused');
  await dialog.getByRole('button', { name: 'Rotate key' }).click();
  await expect(page.getByTestId('api-key')).toContainText('srec_');
  await page.getByRole('button', { name: 'I have copied it' }).click();
  const rows = page.getByRole('row').filter({ hasText: name });
  await expect(rows.filter({ hasText: 'expired' }).first()).toBeVisible();
});

test('a key gets another name and other scopes, and keeps its secret', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/api-keys`);
  const rows = page.getByRole('table', { name: 'API keys' }).locator('tbody tr');
  await expect(rows.first()).toBeVisible();
  const before = await rows.count();
  const edit = page.getByRole('button', { name: /^Edit / }).first();
  const name = ((await edit.getAttribute('aria-label')) ?? '').replace('Edit ', '');
  await edit.click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByLabel('Name')).toHaveValue(name);
  await dialog.getByLabel('Name').fill('agent-eu');
  await dialog.getByRole('checkbox', { name: /^read/ }).check();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole('row', { name: /agent-eu/ })).toContainText('read');
  await expect(rows).toHaveCount(before);
});

test('a rule of retention is set, refused by its field, and taken away', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/telemetry`);
  await page.getByRole('button', { name: 'Add rule' }).click();
  await page.getByRole('dialog').getByLabel('Service').fill('a*b');
  await page.getByRole('button', { name: 'Keep it so' }).click();
  await expect(page.getByRole('dialog')).toContainText('neither a name nor the beginning of one');
  await page.getByRole('dialog').getByLabel('Service').fill('debug-*');
  await page.getByRole('button', { name: 'Keep it so' }).click();
  await expect(page.getByRole('row', { name: /^Logs debug-\* 7 days/ })).toBeVisible();
  await page.getByRole('button', { name: 'Take away Logs debug-*' }).click();
  const dialog = page.getByRole('dialog', { name: 'Take away rule' });
  await expect(dialog).toContainText('that of all other services is');
  await dialog.getByLabel('Type “debug-*” to confirm').fill('debug-*');
  await dialog.getByRole('button', { name: 'Take away' }).click();
  await expect(page.getByRole('row', { name: /debug/ })).toHaveCount(0);
});

test('whoever keeps telemetry for fewer days is told what goes', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/telemetry`);
  await page.getByRole('button', { name: 'Add rule' }).click();
  await page.getByRole('dialog').getByLabel('Service').fill('noisy');
  await page.getByRole('button', { name: 'Keep it so' }).click();
  await page.getByRole('button', { name: 'Change Logs noisy' }).click();
  const dialog = page.getByRole('dialog', { name: 'Change a rule' });
  await expect(dialog.getByText('What is older is deleted')).toHaveCount(0);
  await dialog.getByRole('combobox', { name: 'Keep for' }).click();
  await page.getByRole('option', { name: '1 day', exact: true }).click();
  await expect(dialog.getByText('What is older is deleted')).toBeVisible();
});

test('telemetry is deleted by naming the project', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/telemetry`);
  await page.getByRole('button', { name: 'Delete telemetry' }).click();
  const dialog = page.getByRole('dialog');
  const act = dialog.getByRole('button', { name: 'Delete telemetry' });
  await expect(act).toBeDisabled();
  await dialog.getByLabel('Type “default” to confirm').fill('default');
  await act.click();
  await expect(page.getByRole('table', { name: 'Deletions' }).getByRole('row', { name: /this project/ })).toBeVisible();
});

test('limits are set and shown with what is used', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/telemetry-limits`);
  const series = page.getByRole('row', { name: /^Active series/ });
  await expect(series).toContainText('948.2K');
  await expect(series).toContainText('95 %');
  await page.getByRole('button', { name: 'Set limits' }).click();
  await page.getByRole('dialog').getByLabel(/^Active series/).fill('2000000');
  await page.getByRole('dialog').getByRole('button', { name: 'Set limits' }).click();
  await expect(series).toContainText('2M series a day');
  await expect(series).toContainText('47 %');
});

test('use is shown by day and by key, with what was refused', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/usage`);
  const today = page.getByRole('table', { name: 'Use by day' }).getByRole('row', { name: /logs/ }).first();
  await expect(today).toContainText('12.4M');
  await expect(today).toContainText('214');
  const refused = page.getByRole('table', { name: 'Use by key' }).getByRole('row', { name: /rate_limited/ });
  await expect(refused).toContainText('214');
  await expect(page.getByRole('table', { name: 'Request rates' }).getByRole('row', { name: /The organisation/ })).toContainText('3,981');
});

test('the last owner stays', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/members`);
  await page.getByRole('button', { name: 'Remove Mira Lindqvist' }).click();
  await page.getByLabel('Type “Mira Lindqvist” to confirm').fill('Mira Lindqvist');
  await page.getByRole('button', { name: 'Remove member' }).click();
  await expect(page.getByRole('alert')).toContainText('keeps at least one owner');
});

test('who removes a member is told of the keys that they made, and revokes them too', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/members`);
  await page.getByRole('button', { name: 'Remove Tomás Ferreira' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('A key of this project that they made goes on working: alertmanager-us.');
  await dialog.getByLabel('Also revoke the key that they made').check();
  await dialog.getByLabel('Type “Tomás Ferreira” to confirm').fill('Tomás Ferreira');
  await dialog.getByRole('button', { name: 'Remove member' }).click();
  await expect(page.getByRole('table', { name: 'Members' })).not.toContainText('Tomás Ferreira');
  await page.goto(`/p/${PROJECT}/settings/api-keys`);
  const table = page.getByRole('table', { name: 'API keys' });
  await expect(table.getByRole('row', { name: /alertmanager-us/ })).toContainText('revoked');
  await expect(table.getByRole('row', { name: /alertmanager-eu/ })).toContainText('active');
});

test('a colleague is invited, joins by the link and is a member', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/members`);
  await page.getByRole('button', { name: 'Invite' }).click();
  await page.getByLabel('E-mail').fill('grace@nordlicht.example');
  await page.getByLabel('Send the link by mail').uncheck();
  await page.getByRole('button', { name: 'Make the link' }).click();
  const link = await page.getByRole('region', { name: 'Invitation link' }).innerText();
  expect(link).toMatch(/\/join#srei_/);
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(page.getByRole('table', { name: 'Open invitations' })).toContainText('grace@nordlicht.example');

  await page.goto(link.trim());
  await expect(page.getByRole('heading', { name: 'Join Nordlicht' })).toBeVisible();
  await page.getByLabel('Your name').fill('Grace Hopper');
  await page.getByLabel('Password', { exact: true }).fill('a horse and a staple');
  await page.getByRole('button', { name: 'Join' }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await page.goto(`/p/${PROJECT}/settings/members`);
  await expect(page.getByRole('table', { name: 'Members' })).toContainText('Grace Hopper');
});

test('an invitation goes by mail, and the list says what became of it', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/members`);
  await page.getByRole('button', { name: 'Invite' }).click();
  await page.getByLabel('E-mail').fill('nobody@nordlicht.example');
  await page.getByRole('button', { name: 'Send the invitation' }).click();
  await expect(page.getByText('The invitation is on its way')).toBeVisible();
  await page.getByRole('button', { name: 'Done' }).click();
  const invitations = page.getByRole('table', { name: 'Open invitations' });
  const refused = invitations.getByRole('row', { name: /nobody@nordlicht/ });
  await expect(refused).toContainText('could not be delivered: the mail server refuses the address or the mail (550 5.1.1)');
  await expect(invitations.getByRole('row', { name: /lena@nordlicht/ })).toContainText('sent');
  await page.getByRole('button', { name: 'Send again to lena@nordlicht.example' }).click();
  await expect(invitations.getByRole('row', { name: /lena@nordlicht/ })).toContainText('sent just now');
});

test('an invitation is revoked after a question, and that the list did not come is said', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/members`);
  const invitations = page.getByRole('table', { name: 'Open invitations' });
  await page.getByRole('button', { name: 'Revoke lena@nordlicht.example' }).click();
  const asked = page.getByRole('dialog', { name: /^Revoke the invitation of lena/ });
  await asked.getByRole('button', { name: 'Cancel' }).click();
  await expect(invitations.getByRole('row', { name: /lena@nordlicht/ })).toBeVisible();
  await page.getByRole('button', { name: 'Revoke lena@nordlicht.example' }).click();
  await asked.getByRole('button', { name: 'Revoke invitation' }).click();
  await expect(page.getByRole('row', { name: /lena@nordlicht/ })).toHaveCount(0);

  await failFirst(page, { on: 'GET /api/v1/invitations', times: 1, how: 500, body: { title: 'Failed' } });
  await page.reload();
  await expect(page.getByRole('region', { name: 'Open invitations' }).getByRole('alert')).toContainText('Failed');
});

test('one’s own role is given away only after a question', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/members`);
  const role = page.getByRole('combobox', { name: 'Role of Mira Lindqvist', exact: true });
  await role.click();
  await page.getByRole('option', { name: 'viewer' }).click();
  const asked = page.getByRole('dialog', { name: 'Change your own role' });
  await expect(asked).toContainText('Somebody else has to change it back');
  await asked.getByRole('button', { name: 'Cancel' }).click();
  await expect(role).toHaveValue('owner');
});

test('a link that was used up says so', async ({ page }) => {
  await page.goto('/join#srei_nothing');
  await expect(page.getByText('This link is not good any more')).toBeVisible();
});

test('a project goes to the archive by naming it, and comes back', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/projects`);
  await page.getByRole('button', { name: 'Archive staging' }).click();
  await page.getByLabel('Type “staging” to confirm').fill('staging');
  await page.getByRole('button', { name: 'Archive project' }).click();
  await page.getByRole('button', { name: 'Restore staging' }).click();
  await expect(page.getByRole('button', { name: 'Archive staging' })).toBeVisible();
});

test('the name of a project is its own: another is told so at the field, and an archived one comes back once it is free', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/projects`);
  await page.getByRole('button', { name: 'Archive staging' }).click();
  await page.getByLabel('Type “staging” to confirm').fill('staging');
  await page.getByRole('button', { name: 'Archive project' }).click();
  await expect(page.getByRole('button', { name: 'Restore staging' })).toBeVisible();
  for (const name of ['Staging', 'STAGING']) {
    await page.getByRole('button', { name: 'Create project' }).first().click();
    await page.getByRole('dialog').getByLabel('Name').fill(name);
    await page.getByRole('dialog').getByRole('button', { name: 'Create project' }).click();
    if (name === 'Staging') await expect(page.getByRole('dialog')).toHaveCount(0);
  }
  await expect(page.getByRole('dialog')).toContainText('another project of this tenant has the name `STAGING`');
  await expect(page.getByRole('dialog').getByRole('alert')).toHaveCount(0);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Throw it away' }).click();
  await page.getByRole('button', { name: 'Restore staging' }).click();
  await expect(page.getByRole('alert')).toContainText('has the name `staging`');
});

test('an organisation is to be erased by naming it, every page says so, and an owner calls it off', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/projects`);
  await page.getByRole('region', { name: 'Danger zone' }).getByRole('button', { name: 'Erase organisation' }).click();
  const dialog = page.getByRole('dialog');
  const act = dialog.getByRole('button', { name: 'Erase organisation' });
  await expect(act).toBeDisabled();
  await dialog.getByLabel('Type “Nordlicht” to confirm').fill('nordlicht');
  await expect(act).toBeDisabled();
  await dialog.getByLabel('Type “Nordlicht” to confirm').fill('Nordlicht');
  await act.click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole('region', { name: 'Danger zone' })).toContainText('unless an owner calls it off');

  await page.goto(`/p/${PROJECT}/incidents`);
  const notice = page.getByRole('status').filter({ hasText: 'Nordlicht is to be erased' });
  await expect(notice).toContainText('Mira Lindqvist asked for it');
  await notice.getByRole('button', { name: 'Call it off' }).click();
  await expect(notice).toHaveCount(0);
});

test('other sessions are signed out, and the second factor shows its codes once', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/security`);
  const sessions = page.getByRole('table', { name: 'Sessions' });
  await expect(sessions).toContainText('Safari on iOS');
  await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
  await expect(sessions).not.toContainText('Safari on iOS');

  await page.getByRole('button', { name: 'Turn on' }).click();
  await page.getByLabel('Code').fill('000000');
  await page.getByRole('dialog').getByRole('button', { name: 'Turn on' }).click();
  await expect(page.getByRole('alert')).toContainText('wrong');
  await page.getByLabel('Code').fill('123456');
  await page.getByRole('dialog').getByRole('button', { name: 'Turn on' }).click();
  await expect(page.getByRole('region', { name: 'Recovery codes' })).toContainText('-a1b2c-');
  await page.getByRole('button', { name: 'I have kept them' }).click();
  await expect(page.getByText('10 recovery codes are left')).toBeVisible();

  await page.getByRole('button', { name: 'New recovery codes' }).click();
  const asked = page.getByRole('dialog', { name: 'New recovery codes' });
  await expect(asked).toContainText('stop working at once');
  await asked.getByRole('button', { name: 'Make new codes' }).click();
  await page.getByRole('button', { name: 'I have kept them' }).click();
  await page.getByRole('button', { name: 'Turn off' }).click();
  await page.getByRole('dialog', { name: 'Turn off the second factor' }).getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('10 recovery codes are left')).toBeVisible();
  await page.getByRole('button', { name: 'Turn off' }).click();
  await page.getByRole('dialog', { name: 'Turn off the second factor' }).getByRole('button', { name: 'Turn off' }).click();
  await expect(page.getByRole('button', { name: 'Turn on' })).toBeVisible();
});

test('a common password is refused at its field', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/security`);
  await page.getByLabel('Current password').fill('correct horse battery');
  await page.getByLabel('New password').fill('password');
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByText('is one of the most common passwords')).toBeVisible();
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

test('an audit entry shows what changed, and a thing its history', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/audit`);
  await page.getByRole('button', { name: 'AcknowledgeIncident' }).first().click();
  const entry = page.getByRole('dialog');
  await expect(entry.getByRole('row', { name: 'status detected acknowledged' })).toBeVisible();
  await entry.getByRole('link', { name: 'All entries of this incident' }).click();
  await expect(page).toHaveURL(/target=incident:/);

  await page.goto(`/p/${PROJECT}/settings/audit?result=refused`);
  await expect(page.getByRole('cell', { name: 'refused: illegal_transition', exact: true }).first()).toBeVisible();
  await page.getByRole('button', { name: 'Export' }).click();
  await expect(page.getByRole('menuitem', { name: /JSON lines/ })).toHaveAttribute('href', /format=jsonl&result=refused/);
});

test('the audit is walked by the keyboard, and says by name whose entries are shown', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/audit`);
  const table = page.getByRole('table', { name: 'Audit' });
  await expect(table.getByRole('row').nth(2)).toBeVisible();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  const entry = page.getByRole('dialog');
  await expect(entry).toContainText(/\d{4}.*\d\d:\d\d:\d\d \S+/);
  await expect(entry.getByRole('button', { name: 'Copy the request id' })).toBeVisible();
  await page.keyboard.press('Escape');
  const who = table.getByRole('row').nth(1).getByRole('cell').nth(1).getByRole('button');
  const name = await who.innerText();
  await who.click();
  await expect(page).toHaveURL(/actor=/);
  await expect(page.getByRole('search', { name: 'Filter the audit' }).getByRole('button', { name: `Without ${name}` })).toBeVisible();
});

test('on a phone the active tab is in sight', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 800 });
  for (const [path, name] of [['audit', 'Audit'], ['integrations', 'Integrations'], ['api-keys', 'API keys']] as const) {
    await page.goto(`/p/${PROJECT}/settings/${path}`);
    const tab = page.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name, exact: true });
    await expect(tab).toBeInViewport({ ratio: 0.9 });
  }
});

test('on a phone a row says what it has no columns for', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(`/p/${PROJECT}/settings/roles`);
  await expect(page.getByRole('row', { name: /incident\.read.*owner, admin, engineer, viewer/ })).toBeVisible();
  await page.goto(`/p/${PROJECT}/settings/security`);
  await expect(page.getByRole('table', { name: 'Sessions' }).getByText(/^Signed in .* last seen /).first()).toBeVisible();
  await page.goto(`/p/${PROJECT}/settings/members`);
  await expect(page.getByRole('combobox', { name: 'Role of Tomás Ferreira in this project' })).toBeVisible();
});

test('the audit, which tells of its own reading, does not ask again by itself', async ({ page }) => {
  await page.goto(`/p/${PROJECT}?refresh=5s`);
  await expect(page.getByRole('button', { name: 'Auto refresh: every 5s' })).toBeVisible();
  await page.goto(`/p/${PROJECT}/settings/audit?refresh=5s`);
  await expect(page.getByRole('table', { name: 'Audit' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Refresh', exact: true })).toBeVisible();
  await expect(page.getByRole('button', { name: /^Auto refresh/ })).toHaveCount(0);
});

test('the numbers of the audit lead to the entries that they count', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/audit`);
  await page.getByRole('button', { name: /^[\d,]+ changes: show them$/ }).click();
  await expect(page).toHaveURL(/kind=change/);
});

test('whoever adds a rule that keeps less than there is is told what goes', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/telemetry`);
  await page.getByRole('button', { name: 'Add rule' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a rule' });
  await dialog.getByLabel('Service').fill('shop');
  await expect(dialog.getByRole('status')).toContainText('Until now it was kept for 30 days');
});
