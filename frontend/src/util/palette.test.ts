import { expect, it } from 'vitest';
import { stillMeant } from './palette';

it('keeps what has all that is typed by now, in its title or its number', () => {
  const found = [
    { key: 'INC-12', title: 'Disk of db-primary is full' },
    { key: 'INC-121', title: 'Checkout answers 502' },
    { key: null, title: 'db-replica lags' },
  ];
  expect(stillMeant(found, ' DB-p').map(({ key }) => key)).toEqual(['INC-12']);
  expect(stillMeant(found, 'inc-121').map(({ key }) => key)).toEqual(['INC-121']);
});
