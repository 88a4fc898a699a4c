<?php

declare(strict_types=1);

namespace Copilot;

use Copilot\Generated\Model\ModelInterface;
use Copilot\Generated\Model\OneOfInterface;
use stdClass;
use TypeError;
use UnexpectedValueException;

/**
 * Generated models to JSON and back, by the tables that the generated classes hold.
 *
 * The generated ObjectSerializer would lose what the API tells apart: it turns 5.0 into 5 and an empty map into a list,
 * drops free properties, and when it reads, turns a number into text where text is due, and the text "5" of a property
 * into a number.
 *
 * A free property is set as `$payload['recipe'] = 'Oolong'` on the payloads that have them.
 */
final class Json
{
    private const FLAGS =
        JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE;

    public static function decode(string $text): mixed
    {
        return json_decode($text, false, 512, JSON_THROW_ON_ERROR);
    }

    public static function encode(mixed $value): string
    {
        return json_encode(self::write($value, ''), self::FLAGS);
    }

    /**
     * Reads decoded JSON as a type of the generated tables: a class of a model, `T[]`, `array<string,T>` or a scalar.
     *
     * @throws TypeError when a value is not of its type
     * @throws UnexpectedValueException when the discriminator names no class
     * @throws \InvalidArgumentException when a setter of a model refuses a value
     */
    public static function read(mixed $json, string $type): mixed
    {
        if (str_ends_with($type, '[]')) {
            $of = substr($type, 0, -2);
            return is_array($json)
                ? array_map(static fn (mixed $item): mixed => self::read($item, $of), $json)
                : throw new TypeError('a list must be there, not ' . get_debug_type($json));
        }
        if (preg_match('/^array<string,(.+)>$/D', $type, $map) === 1) {
            return $json instanceof stdClass
                ? array_map(static fn (mixed $item): mixed => self::read($item, $map[1]), get_object_vars($json))
                : throw new TypeError('an object must be there, not ' . get_debug_type($json));
        }
        return match (true) {
            is_subclass_of($type, OneOfInterface::class) => self::read($json, self::variant($json, $type)),
            is_subclass_of($type, ModelInterface::class) => self::model($json, new $type()),
            // The setter, which declares its type, judges it.
            default => $json,
        };
    }

    /**
     * Everything that the generated rules find wrong in a model and in those inside it, and whatever JSON cannot hold,
     * each with its place.
     *
     * @return list<string>
     */
    public static function faults(mixed $value, string $place = ''): array
    {
        $faults = [];
        $add = static function (string $fault) use (&$faults, $place): void {
            $faults[] = mb_scrub($place === '' ? $fault : "$place: $fault", 'UTF-8');
        };
        if ($value instanceof ModelInterface) {
            array_map($add, $value->listInvalidProperties());
            $value = self::members($value);
        } elseif ($value instanceof stdClass) {
            $value = get_object_vars($value);
        }
        if (is_string($value) && !mb_check_encoding($value, 'UTF-8')) {
            $add('text that is not valid UTF-8');
        } elseif (is_float($value) && !is_finite($value)) {
            $add('no number that JSON has');
        } elseif (is_object($value) || is_resource($value)) {
            $add('no value that JSON has');
        }
        foreach (is_array($value) ? $value : [] as $name => $member) {
            if (is_string($name) && !mb_check_encoding($name, 'UTF-8')) {
                $add('a name that is not valid UTF-8');
            }
            array_push($faults, ...self::faults($member, "$place/$name"));
        }
        return $faults;
    }

    /** A text for a message, whatever it holds. */
    public static function quoted(?string $text): string
    {
        return json_encode($text, self::FLAGS | JSON_INVALID_UTF8_SUBSTITUTE);
    }

    /** @param class-string<OneOfInterface> $type */
    private static function variant(mixed $json, string $type): string
    {
        $name = $json instanceof stdClass ? $json->{(string) $type::getOneOfDiscriminator()} ?? null : null;
        $variants = $type::getOneOfDiscriminatorMappings();
        return is_string($name) && isset($variants[$name])
            ? $variants[$name]
            : throw new UnexpectedValueException('the discriminator names no variant');
    }

    private static function model(mixed $json, ModelInterface $model): ModelInterface
    {
        if (!$json instanceof stdClass) {
            throw new TypeError('an object must be there, not ' . get_debug_type($json));
        }
        $names = array_flip($model::attributeMap());
        foreach (get_object_vars($json) as $name => $member) {
            $property = $names[$name] ?? null;
            if ($property === null) {
                $model[$name] = $member;
            } else {
                $model->{$model::setters()[$property]}(self::read($member, $model::openAPITypes()[$property]));
            }
        }
        return $model;
    }

    private static function write(mixed $value, string $type): mixed
    {
        if (is_array($value)) {
            $written = array_map(static fn (mixed $item): mixed => self::write($item, ''), $value);
            return str_starts_with($type, 'array<') ? (object) $written : $written;
        }
        if (!$value instanceof ModelInterface) {
            return $value;
        }
        $written = [];
        foreach (self::members($value) as $property => $member) {
            $type = $value::openAPITypes()[$property] ?? null;
            if ($type === null) {
                $written[$property] = $member;
            } elseif ($member !== null) {
                $written[$value::attributeMap()[$property]] = self::write($member, $type);
            }
        }
        return (object) $written;
    }

    /** @return array<array-key, mixed> what the model holds, free properties included */
    private static function members(ModelInterface $model): array
    {
        return (fn (): array => $this->container)->call($model);
    }
}
