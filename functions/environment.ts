import process from 'node:process';
import type { FUNCTION_ENV } from '../shared/names.ts';

type Name = (typeof FUNCTION_ENV)[keyof typeof FUNCTION_ENV];

/** @throws Error when the stack did not set it: a function without its table must not start */
export function required(name: Name): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`environment variable ${name} is not set`);
  return value;
}
