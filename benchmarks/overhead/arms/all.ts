// Every arm, in the order of the table.
import type { Arm } from './arm.ts';
import { bare } from './bare.ts';
import { direct } from './direct.ts';
import { mcpHub, mcpProxy, mcpProxyLegacy, supergateway } from './peers.ts';
import { otherIntent, otherInterval, sallyportFull, sallyportIntent, sallyportInterval } from './sallyport.ts';

/** Every arm. */
export const arms: readonly Arm[] = [
  direct,
  bare,
  sallyportInterval,
  sallyportIntent,
  sallyportFull,
  otherInterval,
  otherIntent,
  mcpProxy,
  mcpProxyLegacy,
  supergateway,
  mcpHub,
];

/** What runs when no arms are named. */
export const usualArms: readonly string[] = [
  'direct',
  'bare',
  'sallyport-interval',
  'sallyport-intent',
  'mcp-proxy',
  'supergateway',
  'mcp-hub',
];
