export function sizeOf(program: string): Promise<number>
export function sizeBeyondCore(program: string): Promise<number>
export function sizeOfCore(): Promise<number>
