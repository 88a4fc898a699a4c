<?php

declare(strict_types=1);

// Loads every class, generated or not, with whatever PHP warns of as an error; own files must be strict about types.

require __DIR__ . '/autoload.php';

$folders = ['Copilot\\Generated\\' => 'generated/src', 'Copilot\\' => 'src'];
$loaded = 0;
foreach ($folders as $namespace => $folder) {
    $files = new RecursiveIteratorIterator(
        new RecursiveDirectoryIterator(__DIR__ . "/$folder", FilesystemIterator::SKIP_DOTS),
    );
    foreach ($files as $file) {
        $name = substr($file->getPathname(), strlen(__DIR__ . "/$folder/"), -strlen('.php'));
        $class = $namespace . strtr($name, '/', '\\');
        if (!class_exists($class) && !interface_exists($class)) {
            throw new RuntimeException("$file does not hold $class");
        }
        $strict = str_contains((string) file_get_contents($file->getPathname()), "\ndeclare(strict_types=1);\n");
        if (!$strict && $namespace !== 'Copilot\\Generated\\') {
            throw new RuntimeException("$file is not strict about types");
        }
        $loaded++;
    }
}
echo "$loaded classes load without a warning\n";
