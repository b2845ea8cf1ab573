import type { BlockRow } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import { indexBlocks } from './blocks.ts';

const row = (kind: BlockRow['kind'], subject: string, expiresAt?: number): BlockRow => ({
  kind,
  subject,
  createdAt: 0,
  ...(expiresAt === undefined ? {} : { expiresAt }),
});

describe('blocks in force', () => {
  const clock = { now: () => 1000 };

  it('stop exactly the caller, tool or server that they name', () => {
    const blocks = indexBlocks([row('caller', 'key:ci'), row('tool', 'notes.read'), row('upstream', 'web')], clock);
    expect(blocks.isBlocked('caller', 'key:ci')).toBe(true);
    expect(blocks.isBlocked('tool', 'notes.read')).toBe(true);
    expect(blocks.isBlocked('upstream', 'web')).toBe(true);
    expect(blocks.isBlocked('tool', 'notes.read_all')).toBe(false);
    expect(blocks.isBlocked('upstream', 'key:ci')).toBe(false);
  });

  it('stop every tool that a pattern matches, and say which block it was', () => {
    const blocks = indexBlocks([row('tool', 'notes.*'), row('tool', '*.delete_*')], clock);
    expect(blocks.isBlocked('tool', 'notes.read')).toBe(true);
    expect(blocks.find('tool', 'files.delete_all')?.subject).toBe('*.delete_*');
    expect(blocks.isBlocked('tool', 'files.read')).toBe(false);
  });

  it('stop every caller that a pattern matches', () => {
    const blocks = indexBlocks([row('caller', 'jwt:https://login.example|*'), row('caller', 'key:ci-*')], clock);
    expect(blocks.isBlocked('caller', 'jwt:https://login.example|ada')).toBe(true);
    expect(blocks.isBlocked('caller', 'jwt:https://login.example.evil|ada')).toBe(false);
    expect(blocks.find('caller', 'key:ci-7')?.subject).toBe('key:ci-*');
    expect(blocks.isBlocked('tool', 'key:ci-7')).toBe(false);
    expect(blocks.isBlocked('upstream', 'key:ci-7')).toBe(false);
  });

  it('end with their time, patterns too', () => {
    const blocks = indexBlocks([row('tool', 'notes.*', 1000), row('caller', 'key:ci', 1001)], clock);
    expect(blocks.isBlocked('tool', 'notes.read')).toBe(false);
    expect(blocks.isBlocked('caller', 'key:ci')).toBe(true);
  });
});
