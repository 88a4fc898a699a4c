<?php

declare(strict_types=1);

// Guzzle is Debian's package; the generated client and the classes of this folder are found by their namespaces.
// With Composer, its autoloader takes the place of this file.
require_once 'GuzzleHttp/autoload.php';

// What PHP only warns of is an error here.
error_reporting(E_ALL);
set_error_handler(static function (int $level, string $message, string $file, int $line): never {
    throw new ErrorException($message, 0, $level, $file, $line);
});

spl_autoload_register(static function (string $class): void {
    $folders = [
        'Copilot\\Generated\\' => '/generated/src/',
        'Copilot\\' => '/src/',
    ];
    foreach ($folders as $namespace => $folder) {
        if (str_starts_with($class, $namespace)) {
            $file = __DIR__ . $folder . strtr(substr($class, strlen($namespace)), '\\', '/') . '.php';
            if (is_file($file)) {
                require $file;
            }
            return;
        }
    }
});
