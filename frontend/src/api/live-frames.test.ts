import { describe, expect, it } from 'vitest';
import { parseFrame, touchedKeys, type Change } from './live-frames';

const change = (type: Change['type'], project: string | null = 'p1'): Change => ({ type, project_id: project, key: 'k', seq: 7 });

describe('parseFrame', () => {
  it('reads hello, resync and changes', () => {
    expect(parseFrame('{"type":"hello","epoch":"e","seq":41}')).toEqual({ type: 'hello', epoch: 'e', seq: 41 });
    expect(parseFrame('{"type":"resync","epoch":"e","seq":42}')?.type).toBe('resync');
    expect(parseFrame(JSON.stringify(change('incident.created')))).toEqual(change('incident.created'));
  });

  it('reads whether the server is behind', () => {
    expect(parseFrame('{"type":"behind","since":"2026-11-23T16:09:05Z"}')).toEqual({ type: 'behind', since: '2026-11-23T16:09:05Z' });
    expect(parseFrame('{"type":"behind","since":null}')).toEqual({ type: 'behind', since: null });
    expect(parseFrame('{"type":"behind"}')).toBeNull();
  });

  it.each(['', 'not json', 'null', '[]', '{}', '{"type":"incident.created"}', '{"type":"some.future.thing","seq":1}', '{"type":1,"seq":1}'])(
    'ignores %j',
    (text) => expect(parseFrame(text)).toBeNull(),
  );
});

describe('touchedKeys', () => {
  it('names the lists and the one incident of a new incident', () => {
    expect(touchedKeys('p1', change('incident.created'))).toEqual([
      ['p', 'p1', 'incidents'],
      ['p', 'p1', 'incident', 'k'],
    ]);
  });

  it('names the incident on the screen whichever has changed: that one may have been merged into it', () => {
    expect(touchedKeys('p1', change('incident.updated'))).toEqual([
      ['p', 'p1', 'incidents'],
      ['p', 'p1', 'incident'],
    ]);
  });

  it('asks for the alerts of an incident that another was merged into', () => {
    expect(touchedKeys('p1', change('incident.absorbed'))).toEqual([
      ['p', 'p1', 'incident-alerts', 'k'],
      ['p', 'p1', 'alerts'],
    ]);
  });

  it('leaves the lists alone when only a timeline grew', () => {
    expect(touchedKeys('p1', change('timeline.updated'))).toEqual([['p', 'p1', 'timeline']]);
  });

  it('touches nothing for another project', () => {
    expect(touchedKeys('p1', change('incident.updated', 'p2'))).toEqual([]);
  });

  it('takes a message of the whole organisation as its own', () => {
    expect(touchedKeys('p1', change('member.updated', null))).toContainEqual(['me']);
  });
});
