import { SetMetadata, UseGuards } from '@nestjs/common'
import type { Requirement } from '../../guard/requirement.ts'
import { keyGuardFor } from './guard.ts'
import { REQUIRED, type Required } from './required.ts'

/**
 * Guards a controller, resolver or one of their methods. A decorator of the method replaces that of
 * its class: the two are not merged, as in `Reflector.getAllAndOverride`. Needs `TwinkeyModule`:
 * without it, the application does not start.
 *
 * @param requirement What the route requires, as in `requireAuth` of the other adapters. Checked
 *   when the application starts.
 * @returns A decorator.
 * @throws TypeError if the class or method has another decorator of `twinkey/nest`.
 */
export function RequireKey(requirement?: Requirement): ClassDecorator & MethodDecorator {
  return decorate((target, name, descriptor) => {
    // New for each target, even if an application uses one decorator for several.
    const required: Required = { requirement }
    mark(required, target, name, descriptor)
    apply(UseGuards(keyGuardFor(requirement, required)), target, name, descriptor)
  })
}

/**
 * Lets every request pass to a controller or method, without a principal: despite `global` of
 * `TwinkeyModule`, or a decorator of the class.
 *
 * @returns A decorator.
 * @throws TypeError if the class or method has another decorator of `twinkey/nest`.
 */
export function Public(): ClassDecorator & MethodDecorator {
  return decorate((target, name, descriptor) => mark('public', target, name, descriptor))
}

// biome-ignore lint/complexity/noBannedTypes: the type of a class in TypeScript's decorators.
type Target = Function
type Place = [target: Target, name?: string | symbol, descriptor?: PropertyDescriptor]

function decorate(mark: (...place: Place) => void): ClassDecorator & MethodDecorator {
  return mark as ClassDecorator & MethodDecorator
}

function apply(decorator: ClassDecorator & MethodDecorator, ...place: Place): void {
  ;(decorator as (...place: Place) => void)(...place)
}

function mark(required: Required, ...place: Place): void {
  const [target, name = target.name, descriptor] = place
  if (Reflect.hasOwnMetadata(REQUIRED, descriptor?.value ?? target))
    throw new TypeError(
      `${String(name)} has two of the decorators @RequireKey() and @Public(). Keep one.`,
    )
  apply(SetMetadata(REQUIRED, required), ...place)
}
